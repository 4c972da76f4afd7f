package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// openConn is one connection of the open loop. Requests are due every `conns/rate` seconds; one that is due while
// the last is not answered yet waits, and its latency still counts from when it was due.
type openConn struct {
	fd      int
	dueNs   int64
	waiting bool
	buffer  []byte
	reader  *bytes.Reader
	parser  *bufio.Reader
}

// openLoop sends at a constant rate whatever the answers do, and counts from the intended start times (what a
// closed loop leaves out: Gil Tene, coordinated omission). One thread, one epoll, one timer: the generator's own
// timing has to be better than what it measures.
func openLoop(o options) (result, error) {
	runtime.GOMAXPROCS(2)
	runtime.LockOSThread()
	epoll, err := syscall.EpollCreate1(0)
	if err != nil {
		return result{}, err
	}
	timer, err := timerfd()
	if err != nil {
		return result{}, err
	}
	if err := watch(epoll, timer); err != nil {
		return result{}, err
	}
	conns, byFd, err := connectAll(o, epoll)
	if err != nil {
		return result{}, err
	}
	loop := &openRun{conns: conns, byFd: byFd, epoll: epoll, timer: timer, request: requestBytes(o)}
	err = loop.run(o)
	return loop.tally.result(o.duration), err
}

type openRun struct {
	conns        []*openConn
	byFd         map[int]*openConn
	epoll, timer int
	request      []byte
	tally        tally
	startNs      int64
	everyNs      int64
}

func (r *openRun) run(o options) error {
	gapNs := int64(time.Second) / int64(o.rate)
	r.everyNs = gapNs * int64(len(r.conns))
	r.startNs = nowNs() + int64(10*time.Millisecond)
	for i, c := range r.conns {
		c.dueNs = r.startNs + int64(i)*gapNs
	}
	endNs := r.startNs + o.duration.Nanoseconds()
	events := make([]syscall.EpollEvent, 128)
	for nowNs() < endNs {
		nextNs, err := r.sendDue(endNs)
		if err != nil {
			return err
		}
		if err := arm(r.timer, nextNs); err != nil {
			return err
		}
		n, err := syscall.EpollWait(r.epoll, events, 100)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		for i := 0; i < n; i++ {
			if err := r.readable(int(events[i].Fd)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendDue sends what is due and says when the next is.
func (r *openRun) sendDue(endNs int64) (int64, error) {
	now, nextNs := nowNs(), endNs
	for _, c := range r.conns {
		if c.waiting {
			continue
		}
		if c.dueNs <= now {
			if _, err := syscall.Write(c.fd, r.request); err != nil {
				return 0, err
			}
			c.waiting = true
		} else if c.dueNs < nextNs {
			nextNs = c.dueNs
		}
	}
	return nextNs, nil
}

func (r *openRun) readable(fd int) error {
	c := r.byFd[fd]
	if c == nil {
		var expirations [8]byte
		_, _ = syscall.Read(fd, expirations[:])
		return nil
	}
	var chunk [64 * 1024]byte
	n, err := syscall.Read(fd, chunk[:])
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		return err
	}
	if n == 0 {
		return errors.New("the connection was closed")
	}
	c.buffer = append(c.buffer, chunk[:max(n, 0)]...)
	c.reader.Reset(c.buffer)
	c.parser.Reset(c.reader)
	line, err := readMessage(c.parser)
	if err != nil {
		return nil // not all of it yet
	}
	if len(line) < 12 || line[9] != '2' {
		r.tally.fail(fmt.Errorf("answered %q", line))
	}
	r.tally.latencies.add((nowNs() - c.dueNs) / 1000)
	r.tally.requests++
	c.buffer = c.buffer[:0]
	c.waiting = false
	c.dueNs += r.everyNs
	return nil
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func connectAll(o options, epoll int) ([]*openConn, map[int]*openConn, error) {
	address, err := net.ResolveTCPAddr("tcp4", o.addr)
	if err != nil {
		return nil, nil, err
	}
	to := &syscall.SockaddrInet4{Port: address.Port}
	copy(to.Addr[:], address.IP.To4())
	byFd := map[int]*openConn{}
	conns := []*openConn{}
	for i := 0; i < o.conns; i++ {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, nil, err
		}
		if err := syscall.Connect(fd, to); err != nil {
			return nil, nil, err
		}
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		if err := syscall.SetNonblock(fd, true); err != nil {
			return nil, nil, err
		}
		if err := watch(epoll, fd); err != nil {
			return nil, nil, err
		}
		reader := bytes.NewReader(nil)
		c := &openConn{fd: fd, reader: reader, parser: bufio.NewReaderSize(reader, 64*1024)}
		conns = append(conns, c)
		byFd[fd] = c
	}
	return conns, byFd, nil
}

func watch(epoll, fd int) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	return syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, fd, &event)
}

const (
	clockMonotonic = 1
	timerAbsolute  = 1
)

func timerfd() (int, error) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

type itimerspec struct{ interval, value syscall.Timespec }

func arm(fd int, atNs int64) error {
	spec := itimerspec{value: syscall.NsecToTimespec(atNs)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(fd), timerAbsolute,
		uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func nowNs() int64 {
	var now syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}
