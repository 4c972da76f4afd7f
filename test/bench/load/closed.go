package main

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// tally is what one worker saw.
type tally struct {
	latencies latencies
	requests  int64
	errors    int64
	resumed   int64
	reason    string
}

func (t *tally) fail(err error) {
	t.errors++
	if t.reason == "" {
		t.reason = err.Error()
	}
}

type worker func(t *tally, until time.Time)

// onConnection dials first; what does not answer in time after the end is an error, so that no run hangs.
func onConnection(o options, config *tls.Config, work func(conn net.Conn, t *tally, until time.Time)) worker {
	return func(t *tally, until time.Time) {
		conn, err := dial(o.addr, config)
		if err != nil {
			t.fail(err)
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(until.Add(responseTimeout))
		work(conn, t, until)
	}
}

// inParallel runs a worker for each connection, and others beside them, until the time is over and adds up what they
// saw.
func inParallel(o options, work worker, others ...worker) result {
	start := time.Now()
	until := start.Add(o.duration)
	for i := 0; i < o.conns; i++ {
		others = append(others, work)
	}
	tallies := make([]*tally, len(others))
	var group sync.WaitGroup
	for i, each := range others {
		t, each := &tally{}, each
		tallies[i] = t
		group.Add(1)
		go func() {
			defer group.Done()
			each(t, until)
		}()
	}
	group.Wait()
	sum := &tally{}
	for _, t := range tallies {
		sum.latencies.merge(&t.latencies)
		sum.requests += t.requests
		sum.errors += t.errors
		sum.resumed += t.resumed
		if sum.reason == "" {
			sum.reason = t.reason
		}
	}
	return sum.result(time.Since(start))
}

func (t *tally) result(took time.Duration) result {
	return result{
		Requests: t.requests,
		Errors:   t.errors,
		Resumed:  t.resumed,
		P50Ms:    t.latencies.ms(0.5),
		P99Ms:    t.latencies.ms(0.99),
		Seconds:  took.Seconds(),
		Reason:   t.reason,
	}
}

// closedLoop: every connection sends its next request when its last was answered.
func closedLoop(o options, config *tls.Config) result {
	request := requestBytes(o)
	return inParallel(o, onConnection(o, config, func(conn net.Conn, t *tally, until time.Time) {
		reader := bufio.NewReaderSize(conn, 64*1024)
		for start := time.Now(); start.Before(until); {
			if _, err := conn.Write(request); err != nil {
				t.fail(err)
				return
			}
			if err := readOk(reader); err != nil {
				t.fail(err)
				return
			}
			now := time.Now()
			t.latencies.add(now.Sub(start).Microseconds())
			t.requests++
			start = now
		}
	}))
}

// handshakes: a new connection for every request.
func handshakes(o options, config *tls.Config) result {
	request := requestBytes(o)
	return inParallel(o, func(t *tally, until time.Time) {
		for start := time.Now(); start.Before(until); start = time.Now() {
			if err := oneConnection(o.addr, config, request, t); err != nil {
				t.fail(err)
				// a candidate that refuses must not be hammered
				time.Sleep(10 * time.Millisecond)
				continue
			}
			t.latencies.add(time.Since(start).Microseconds())
			t.requests++
		}
	})
}

func oneConnection(addr string, config *tls.Config, request []byte, t *tally) error {
	conn, err := dial(addr, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(responseTimeout))
	if _, err := conn.Write(request); err != nil {
		return err
	}
	if err := readOk(bufio.NewReaderSize(conn, 4096)); err != nil {
		return err
	}
	if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().DidResume {
		t.resumed++
	}
	return nil
}
