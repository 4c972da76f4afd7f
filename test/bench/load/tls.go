package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
)

type tlsOptions struct {
	cert, key, ca, alpn, name string
	resume                    bool
}

// config serves both sides; nil without a certificate. One key exchange for all candidates: what is compared is
// the proxy, not which of the groups its library happens to support.
func (o tlsOptions) config() (*tls.Config, error) {
	if o.cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", o.ca)
	}
	config := &tls.Config{
		Certificates:     []tls.Certificate{pair},
		RootCAs:          roots,
		ClientCAs:        roots,
		ClientAuth:       tls.RequireAndVerifyClientCert,
		ServerName:       o.name,
		MinVersion:       tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519},
	}
	if o.alpn != "" {
		config.NextProtos = strings.Split(o.alpn, ",")
	}
	if o.resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1024)
	}
	return config, nil
}

func dial(addr string, config *tls.Config) (net.Conn, error) {
	raw, err := net.DialTimeout("tcp", addr, dialTimeout)
	if err != nil || config == nil {
		return raw, err
	}
	conn := tls.Client(raw, config)
	if err := conn.Handshake(); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}
