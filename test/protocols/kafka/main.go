// A Kafka broker (franz-go's kfake) and a client (franz-go), the client's connections through another address.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const records = 200

func main() {
	var err error
	switch os.Args[1] {
	case "broker":
		err = broker()
	case "client":
		err = client(os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Says where it listens, and ends with its input.
func broker() error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		return err
	}
	defer cluster.Close()
	_, port, err := net.SplitHostPort(cluster.ListenAddrs()[0])
	if err != nil {
		return err
	}
	fmt.Println(port)
	os.Stdin.Read(make([]byte, 1))
	return nil
}

// A broker tells clients its own address; every connection goes to `through` all the same.
func client(through string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var dialer net.Dialer
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(through),
		kgo.ConsumeTopics("orders"),
		kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, through)
		}),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	for index := range records {
		record := kgo.Record{Topic: "orders", Value: fmt.Appendf(nil, "order %d", index)}
		cl.Produce(ctx, &record, nil)
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	read := 0
	for read < records {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			if string(record.Value) != fmt.Sprintf("order %d", read) {
				return fmt.Errorf("record %d is %q", read, record.Value)
			}
			read++
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]int{"read": read})
}
