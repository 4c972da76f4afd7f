package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Handshakes at the same time; more would only queue.
const openers = 16

// idle opens the connections, sends one request on each, says `ready`, and holds them until stdin ends.
func idle(o options, config *tls.Config) error {
	request := requestBytes(o)
	conns := make([]net.Conn, o.conns)
	errs := make(chan error, o.conns)
	next := make(chan int, o.conns)
	for i := range conns {
		next <- i
	}
	close(next)
	var group sync.WaitGroup
	for i := 0; i < openers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range next {
				conn, err := openOne(o.addr, config, request)
				if err != nil {
					errs <- err
					return
				}
				conns[i] = conn
			}
		}()
	}
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	for _, conn := range conns {
		conn.Close()
	}
	return err
}

func openOne(addr string, config *tls.Config, request []byte) (net.Conn, error) {
	conn, err := dial(addr, config)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(responseTimeout))
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	return conn, readOk(bufio.NewReaderSize(conn, 512))
}
