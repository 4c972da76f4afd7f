// An HTTP server that says on standard output, one JSON line each, which requests it has seen.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
)

type request struct {
	Method string `json:"method"`
	Target string `json:"target"`
	Host   string `json:"host"`
	Body   string `json:"body"`
}

var (
	output = json.NewEncoder(os.Stdout)
	lock   sync.Mutex
)

// A request whose body does not arrive whole is answered and not counted.
func handle(response http.ResponseWriter, incoming *http.Request) {
	hash := sha256.New()
	if _, err := io.Copy(hash, incoming.Body); err != nil {
		http.Error(response, "incomplete", http.StatusBadRequest)
		return
	}
	lock.Lock()
	seen := request{incoming.Method, incoming.RequestURI, incoming.Host, hex.EncodeToString(hash.Sum(nil))}
	if err := output.Encode(seen); err != nil {
		log.Fatal(err)
	}
	lock.Unlock()
	// a 2xx would open a tunnel
	if incoming.Method == http.MethodConnect {
		response.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	io.WriteString(response, "ok")
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	output.SetEscapeHTML(false)
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	server := http.Server{
		Handler:                      http.HandlerFunc(handle),
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
	}
	log.Fatal(server.Serve(listener))
}
