package main

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// h2Client sends requests of one kind and says when each was answered.
type h2Client struct {
	*h2Conn
	grpc     bool
	path     string
	stream   uint32
	startsNs map[uint32]int64
}

func dialH2(o options, config *tls.Config) (*h2Client, error) {
	conn, err := dial(o.addr, config)
	if err != nil {
		return nil, err
	}
	c := &h2Client{h2Conn: newH2Conn(conn), grpc: o.grpc, path: o.path, stream: 1, startsNs: map[uint32]int64{}}
	if _, err := c.writer.WriteString(http2.ClientPreface); err != nil {
		return nil, err
	}
	return c, c.settings()
}

// send counts the latency from sinceNs.
func (c *h2Client) send(sinceNs int64) error {
	c.writes.Lock()
	defer c.writes.Unlock()
	stream := c.stream
	c.stream += 2
	c.startsNs[stream] = sinceNs
	if !c.grpc {
		return c.headers(stream, true, ":method", "GET", ":scheme", "http", ":authority", "bench", ":path", c.path)
	}
	err := c.headers(stream, false, ":method", "POST", ":scheme", "http", ":authority", "bench",
		":path", "/bench.Bench/Call", "content-type", "application/grpc", "te", "trailers")
	if err != nil {
		return err
	}
	return c.framer.WriteData(stream, true, grpcMessage)
}

// answered waits for the next answer that is complete and says how long it took.
func (c *h2Client) answered() (tookNs int64, err error) {
	for {
		frame, err := c.next()
		if err != nil {
			return 0, err
		}
		if !endsStream(frame) {
			continue
		}
		if c.status != "200" || c.grpc && c.grpcStatus != "0" {
			return 0, fmt.Errorf("answered %q, grpc-status %q", c.status, c.grpcStatus)
		}
		c.grpcStatus = ""
		return nowNs() - c.startOf(frame.Header().StreamID), nil
	}
}

func (c *h2Client) startOf(stream uint32) int64 {
	c.writes.Lock()
	defer c.writes.Unlock()
	since := c.startsNs[stream]
	delete(c.startsNs, stream)
	return since
}

// closedH2: each of `streams` places on a connection sends its next request when its last was answered.
func closedH2(o options, config *tls.Config) result {
	return inParallel(o, func(t *tally, until time.Time) {
		c, err := dialH2(o, config)
		if err != nil {
			t.fail(err)
			return
		}
		defer c.conn.Close()
		_ = c.conn.SetDeadline(until.Add(responseTimeout))
		for i := 0; i < o.streams && err == nil; i++ {
			err = c.send(nowNs())
		}
		for err == nil && time.Now().Before(until) {
			var tookNs int64
			if tookNs, err = c.answered(); err == nil {
				t.latencies.add(tookNs / 1000)
				t.requests++
				err = c.send(nowNs())
			}
		}
		if err != nil {
			t.fail(err)
		}
	})
}

// openH2 sends at a constant rate whatever the answers do, over connections in turn, and counts from when each
// request was due.
func openH2(o options, config *tls.Config) (result, error) {
	clients := make([]*h2Client, o.conns)
	for i := range clients {
		c, err := dialH2(o, config)
		if err != nil {
			return result{}, err
		}
		defer c.conn.Close()
		clients[i] = c
	}
	var isOver atomic.Bool
	var next atomic.Int32
	sum := inParallel(o, func(t *tally, until time.Time) {
		c := clients[next.Add(1)-1]
		for {
			tookNs, err := c.answered()
			if isOver.Load() {
				return
			}
			if err != nil {
				t.fail(err)
				return
			}
			t.latencies.add(tookNs / 1000)
			t.requests++
		}
	}, sendingAtRate(o, clients, &isOver))
	return sum, nil
}

// sendingAtRate closes the connections when the time is over, so that who waits for answers ends.
func sendingAtRate(o options, clients []*h2Client, isOver *atomic.Bool) func(t *tally, until time.Time) {
	return func(t *tally, until time.Time) {
		gapNs := int64(time.Second) / int64(o.rate)
		dueNs := nowNs()
		for i := 0; time.Now().Before(until); i++ {
			time.Sleep(time.Duration(dueNs - nowNs()))
			c := clients[i%len(clients)]
			err := c.send(dueNs)
			if err == nil {
				err = c.flush()
			}
			if err != nil {
				t.fail(err)
				break
			}
			dueNs += gapNs
		}
		isOver.Store(true)
		for _, c := range clients {
			c.conn.Close()
		}
	}
}
