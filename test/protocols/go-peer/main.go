// Client and server of Go's net/http: `peer client VERSION PORT` says each step that held, one a line, but for steps
// named after it; `peer server`
// says its port, serves HTTP/1.1 and HTTP/2 on it, and ends with its input.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	err := serve
	if os.Args[1] == "client" {
		err = func() error { return client(os.Args[2], "http://127.0.0.1:"+os.Args[3]) }
	}
	if err := err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	mux.HandleFunc("/echo", echo)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := http.Server{Handler: mux, Protocols: &protocols}
	go server.Serve(listener)
	os.Stdin.Read(make([]byte, 1))
	return nil
}

// Each piece goes back as it comes.
func echo(w http.ResponseWriter, r *http.Request) {
	controller := http.NewResponseController(w)
	controller.EnableFullDuplex()
	w.Header().Set("Trailer", "X-Bytes")
	controller.Flush()
	piece := make([]byte, 32*1024)
	sum := 0
	for {
		length, err := r.Body.Read(piece)
		sum += length
		w.Write(piece[:length])
		controller.Flush()
		if err != nil {
			break
		}
	}
	w.Header().Set("X-Bytes", fmt.Sprint(sum))
}

func client(version, base string) error {
	var protocols http.Protocols
	protocols.SetHTTP1(version == "HTTP/1.1")
	protocols.SetUnencryptedHTTP2(version == "HTTP/2")
	client := http.Client{Transport: &http.Transport{Protocols: &protocols}, Timeout: 30 * time.Second}
	if err := get(&client, base); err != nil {
		return err
	}
	fmt.Println("GET")
	body := bytes.Repeat([]byte("yarn"), 50_000)
	response, err := client.Post(base+"/echo", "text/plain", bytes.NewReader(body))
	if err != nil {
		return err
	}
	if back, err := read(response); err != nil || !bytes.Equal(back, body) {
		return fmt.Errorf("%d bytes came back: %w", len(back), err)
	}
	fmt.Println("POST")
	if skips("trailers") {
		// a proxy in between drops them
	} else if got := response.Trailer.Get("X-Bytes"); got != fmt.Sprint(len(body)) {
		return fmt.Errorf("the trailer says %q", got)
	} else {
		fmt.Println("trailers")
	}
	if err := stream(&client, base); err != nil {
		return err
	}
	fmt.Println("streamed")
	for range 100 {
		if err := get(&client, base); err != nil {
			return err
		}
	}
	fmt.Println("100 requests")
	return nil
}

func skips(step string) bool { return slices.Contains(os.Args[4:], step) }

func get(client *http.Client, base string) error {
	response, err := client.Get(base + "/hello")
	if err != nil {
		return err
	}
	if body, err := read(response); err != nil || string(body) != "hello" {
		return fmt.Errorf("%q: %w", body, err)
	}
	return nil
}

// The next piece is sent once the last one has come back.
func stream(client *http.Client, base string) error {
	reader, writer := io.Pipe()
	defer writer.Close()
	request, err := http.NewRequestWithContext(context.Background(), "POST", base+"/echo", reader)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	for index := range 20 {
		piece := fmt.Sprintf("piece %d", index)
		if _, err := io.WriteString(writer, piece); err != nil {
			return err
		}
		back := make([]byte, len(piece))
		if _, err := io.ReadFull(response.Body, back); err != nil || string(back) != piece {
			return fmt.Errorf("%q came back for %q: %w", back, piece, err)
		}
	}
	writer.Close()
	rest, err := read(response)
	if err == nil && strings.TrimSpace(string(rest)) != "" {
		err = fmt.Errorf("%q came after the end", rest)
	}
	return err
}

func read(response *http.Response) ([]byte, error) {
	defer response.Body.Close()
	if response.StatusCode != 200 {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	return io.ReadAll(response.Body)
}
