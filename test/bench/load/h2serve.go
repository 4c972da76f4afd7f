package main

import (
	"io"
	"net"

	"golang.org/x/net/http2"
)

var h2Body = make([]byte, 100)

// answerH2 answers every request when all of it was read: gRPC calls as gRPC, others with 100 bytes.
func answerH2(conn net.Conn) {
	defer conn.Close()
	c := newH2Conn(conn)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.reader, preface); err != nil || c.settings() != nil {
		return
	}
	for {
		frame, err := c.next()
		if err != nil {
			return
		}
		if endsStream(frame) {
			if c.answerOn(frame.Header().StreamID) != nil {
				return
			}
		}
	}
}

func (c *h2Conn) answerOn(stream uint32) error {
	isGrpc := c.contentType == "application/grpc"
	c.contentType = ""
	if !isGrpc {
		if err := c.headers(stream, false, ":status", "200", "content-type", "text/plain"); err != nil {
			return err
		}
		return c.framer.WriteData(stream, true, h2Body)
	}
	if err := c.headers(stream, false, ":status", "200", "content-type", "application/grpc"); err != nil {
		return err
	}
	if err := c.framer.WriteData(stream, false, grpcMessage); err != nil {
		return err
	}
	return c.headers(stream, true, "grpc-status", "0")
}
