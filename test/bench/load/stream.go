package main

import (
	"crypto/tls"
	"net"
	"time"
)

const (
	streamUnit = 64 * 1024
	// not the beginning of any protocol that a proxy may look for
	streamDown = 0x01
	streamUp   = 0x02
)

// streams moves bytes as fast as they go, over connections that are no HTTP; a request is 64 KiB. With `post` they go
// up, else down.
func streams(o options, config *tls.Config) result {
	return inParallel(o, onConnection(o, config, func(conn net.Conn, t *tally, until time.Time) {
		first, move := byte(streamDown), conn.Read
		if o.post > 0 {
			first, move = streamUp, conn.Write
		}
		if _, err := conn.Write([]byte{first}); err != nil {
			t.fail(err)
			return
		}
		buffer := make([]byte, streamUnit)
		bytes := int64(0)
		for time.Now().Before(until) {
			n, err := move(buffer)
			bytes += int64(n)
			if err != nil {
				t.fail(err)
				break
			}
		}
		t.requests = bytes / streamUnit
	}))
}

// answerStream sends without end or takes without end, as its first byte wants it.
func answerStream(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, streamUnit)
	if _, err := conn.Read(buffer[:1]); err != nil {
		return
	}
	move := conn.Read
	if buffer[0] == streamDown {
		move = conn.Write
	}
	for {
		if _, err := move(buffer); err != nil {
			return
		}
	}
}
