// Command slow-wire makes a network device that hands back each packet it is given, after so many milliseconds: what
// netem does where the kernel has it. Packets keep their order. The command ends when its standard input does, and the
// device with it.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

const (
	// as many packets are under way at most; what comes meanwhile is lost, as on a wire
	underWay = 4096
	// of any packet, since devices that segment for their senders are not asked to
	maxBytes = 65536
)

// ifreq is what TUNSETIFF of <linux/if_tun.h> reads.
type ifreq struct {
	name  [syscall.IFNAMSIZ]byte
	flags uint16
	_     [22]byte
}

type packet struct {
	bytes []byte
	due   time.Time
}

func open(name string) (int, error) {
	device, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("/dev/net/tun: %w", err)
	}
	request := ifreq{flags: syscall.IFF_TUN | syscall.IFF_NO_PI}
	copy(request.name[:syscall.IFNAMSIZ-1], name)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(device), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return 0, fmt.Errorf("TUNSETIFF %s: %w", name, errno)
	}
	return device, nil
}

func handBack(device int, packets <-chan packet) {
	for each := range packets {
		time.Sleep(time.Until(each.due))
		// one that the kernel does not take is lost
		_, _ = syscall.Write(device, each.bytes)
	}
}

func run(name string, delay time.Duration) error {
	device, err := open(name)
	if err != nil {
		return err
	}
	packets := make(chan packet, underWay)
	go handBack(device, packets)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready")
	buffer := make([]byte, maxBytes)
	for {
		length, err := syscall.Read(device, buffer)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		select {
		case packets <- packet{append([]byte(nil), buffer[:length]...), time.Now().Add(delay)}:
		default:
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: slow-wire DEVICE MILLISECONDS")
		os.Exit(2)
	}
	milliseconds, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = run(os.Args[1], time.Duration(milliseconds)*time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
