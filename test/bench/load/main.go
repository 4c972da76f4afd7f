// Command load drives and serves what wrk cannot: mutual TLS with ALPN, open loops, handshakes, idle connections.
// Its results are one JSON line on stdout; durations in milliseconds.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

type options struct {
	mode     string
	addr     string
	conns    int
	duration time.Duration
	rate     int
	path     string
	post     int
	h2       bool
	grpc     bool
	streams  int
	tls      tlsOptions
}

type result struct {
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`
	Resumed  int64   `json:"resumed"`
	P50Ms    float64 `json:"p50Ms"`
	P99Ms    float64 `json:"p99Ms"`
	Seconds  float64 `json:"seconds"`
	// the first error, so that a failing candidate says why
	Reason string `json:"reason,omitempty"`
}

func main() {
	var o options
	flag.StringVar(&o.mode, "mode", "closed", "closed, open, handshake, idle, serve, stream or source")
	flag.StringVar(&o.addr, "addr", "", "host:port to dial or to listen on")
	flag.IntVar(&o.conns, "conns", 32, "connections at the same time")
	flag.DurationVar(&o.duration, "duration", 3*time.Second, "how long")
	flag.IntVar(&o.rate, "rate", 1000, "open: requests a second")
	flag.StringVar(&o.path, "path", "/", "request target")
	flag.IntVar(&o.post, "post", 0, "bytes of request body; 0: GET")
	flag.BoolVar(&o.h2, "h2", false, "closed, open and serve: HTTP/2, without upgrade")
	flag.BoolVar(&o.grpc, "grpc", false, "with h2: unary calls of 100 bytes")
	flag.IntVar(&o.streams, "streams", 8, "h2, closed: requests at the same time on each connection")
	flag.StringVar(&o.tls.cert, "cert", "", "PEM; without it plaintext is spoken")
	flag.StringVar(&o.tls.key, "key", "", "PEM")
	flag.StringVar(&o.tls.ca, "ca", "", "PEM")
	flag.StringVar(&o.tls.alpn, "alpn", "", "comma-separated protocols")
	flag.StringVar(&o.tls.name, "name", "", "DNS name expected of the server")
	flag.BoolVar(&o.tls.resume, "resume", false, "handshake: resume sessions")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	config, err := o.tls.config()
	if err != nil {
		return err
	}
	var r result
	switch mode := o.mode; {
	case mode == "closed" && o.h2:
		r = closedH2(o, config)
	case mode == "closed":
		r = closedLoop(o, config)
	case mode == "handshake":
		r = handshakes(o, config)
	case mode == "open" && o.h2:
		r, err = openH2(o, config)
	case mode == "open":
		r, err = openLoop(o)
	case mode == "stream":
		r = streams(o, config)
	case mode == "idle":
		return idle(o, config)
	case mode == "serve" && o.h2:
		return serveWith(o, config, answerH2)
	case mode == "serve":
		return serve(o, config)
	case mode == "source":
		return serveWith(o, config, answerStream)
	default:
		err = fmt.Errorf("no mode %q", mode)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
