package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Windows so large that what is measured is requests, not credits.
const h2Window = 1 << 24

const frameHeader = 9

// One message of 100 bytes, as gRPC frames it.
var grpcMessage = append([]byte{0, 0, 0, 0, 100}, bytes.Repeat([]byte("x"), 100)...)

// h2Conn is one connection of HTTP/2. What is written is buffered until the reader has to wait; `writes` guards the
// writing half, which has more than one user in the open loop.
type h2Conn struct {
	conn        net.Conn
	reader      *bufio.Reader
	writes      sync.Mutex
	writer      *bufio.Writer
	framer      *http2.Framer
	block       bytes.Buffer
	encoder     *hpack.Encoder
	decoder     *hpack.Decoder
	status      string
	grpcStatus  string
	contentType string
	unacked     uint32
}

func newH2Conn(conn net.Conn) *h2Conn {
	c := &h2Conn{
		conn:   conn,
		reader: bufio.NewReaderSize(conn, 64*1024),
		writer: bufio.NewWriterSize(conn, 64*1024),
	}
	c.framer = http2.NewFramer(c.writer, c.reader)
	c.framer.SetReuseFrames()
	c.encoder = hpack.NewEncoder(&c.block)
	c.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		switch f.Name {
		case ":status":
			c.status = f.Value
		case "grpc-status":
			c.grpcStatus = f.Value
		case "content-type":
			c.contentType = f.Value
		}
	})
	return c
}

func (c *h2Conn) settings() error {
	err := c.framer.WriteSettings(
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: h2Window},
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1000},
	)
	if err == nil {
		err = c.framer.WriteWindowUpdate(0, h2Window)
	}
	return err
}

// headers writes one HEADERS frame; names and values alternate.
func (c *h2Conn) headers(stream uint32, end bool, fields ...string) error {
	c.block.Reset()
	for i := 0; i+1 < len(fields); i += 2 {
		if err := c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			return err
		}
	}
	return c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: c.block.Bytes(), EndStream: end, EndHeaders: true,
	})
}

// next reads frames until one belongs to a stream, and does what the connection itself asks for. Before it has to
// wait, it flushes what was written.
func (c *h2Conn) next() (http2.Frame, error) {
	for {
		if c.reader.Buffered() < frameHeader {
			if err := c.flush(); err != nil {
				return nil, err
			}
		}
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return nil, err
		}
		ofStream, err := c.take(frame)
		if err != nil {
			return nil, err
		}
		if ofStream {
			return frame, nil
		}
	}
}

func (c *h2Conn) flush() error {
	c.writes.Lock()
	defer c.writes.Unlock()
	return c.writer.Flush()
}

func (c *h2Conn) take(frame http2.Frame) (ofStream bool, err error) {
	c.writes.Lock()
	defer c.writes.Unlock()
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			err = c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			err = c.framer.WritePing(true, f.Data)
		}
	case *http2.GoAwayFrame:
		err = fmt.Errorf("GOAWAY %v", f.ErrCode)
	case *http2.RSTStreamFrame:
		err = fmt.Errorf("RST_STREAM %v", f.ErrCode)
	case *http2.HeadersFrame:
		if !f.HeadersEnded() {
			return false, errors.New("CONTINUATION is not expected here")
		}
		_, err = c.decoder.Write(f.HeaderBlockFragment())
		ofStream = true
	case *http2.DataFrame:
		c.unacked += f.Length
		if c.unacked > h2Window/2 {
			err = c.framer.WriteWindowUpdate(0, c.unacked)
			c.unacked = 0
		}
		ofStream = true
	}
	return ofStream, err
}

func endsStream(frame http2.Frame) bool {
	return frame.Header().Flags.Has(http2.FlagDataEndStream)
}
