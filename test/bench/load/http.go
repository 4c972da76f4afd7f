package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"time"
)

const dialTimeout = 5 * time.Second

// A response that takes longer than this is an error, so that no run hangs.
const responseTimeout = 10 * time.Second

var contentLength = []byte("content-length:")

func requestBytes(o options) []byte {
	if o.post == 0 {
		return []byte(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", o.path))
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n", o.path, o.post)
	return append([]byte(head), bytes.Repeat([]byte("x"), o.post)...)
}

// readMessage reads one head and the body its Content-Length announces; the other framings are not needed here.
func readMessage(r *bufio.Reader) (firstLine string, err error) {
	length := 0
	for lines := 0; ; lines++ {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		if lines == 0 {
			firstLine = string(line)
			continue
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):])))
			if err != nil {
				return "", err
			}
		}
	}
	_, err = r.Discard(length)
	return firstLine, err
}

func readOk(r *bufio.Reader) error {
	line, err := readMessage(r)
	if err != nil {
		return err
	}
	if len(line) < 12 || line[9] != '2' {
		return fmt.Errorf("answered %q", line)
	}
	return nil
}
