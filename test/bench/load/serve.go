package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
)

// Sizes by request target; anything else gets 100 bytes.
var sizes = map[string]int{"/1k": 1 << 10, "/64k": 64 << 10, "/1m": 1 << 20}

// serve is the upstream that nginx cannot be: it speaks mutual TLS with any of the protocols it is given and none,
// and it answers when it has read the whole request, where nginx's `return` answers at once.
func serve(o options, config *tls.Config) error {
	responses := map[string][]byte{}
	for path, size := range sizes {
		responses[path] = response(size)
	}
	small := response(100)
	return serveWith(o, config, func(conn net.Conn) { answer(conn, responses, small) })
}

func serveWith(o options, config *tls.Config, answer func(net.Conn)) error {
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answer(conn)
	}
}

func response(size int) []byte {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", size)
	return append([]byte(head), bytes.Repeat([]byte("x"), size)...)
}

func answer(conn net.Conn, responses map[string][]byte, small []byte) {
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 64*1024)
	for {
		line, err := readMessage(reader)
		if err != nil {
			return
		}
		body := small
		if words := strings.SplitN(line, " ", 3); len(words) == 3 {
			if known, ok := responses[words[1]]; ok {
				body = known
			}
		}
		if _, err := conn.Write(body); err != nil {
			return
		}
	}
}
