package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

type settings struct {
	endpoints  []string
	clients    int
	get        bool
	keys       int
	valueBytes int
	warmup     time.Duration
	duration   time.Duration
	json       string
}

type tally struct {
	latencies []time.Duration
	inAll     int
	errors    int
	lastError error
}

func parse(arguments []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	endpoints := flags.String("endpoints", "", "host:port,host:port,...; the leader is asked")
	flags.IntVar(&s.clients, "clients", 50, "connections, with one request in flight each")
	flags.BoolVar(&s.get, "get", false, "linearizable gets instead of puts")
	flags.IntVar(&s.keys, "keys", 100000, "how many keys there are")
	flags.IntVar(&s.valueBytes, "value-bytes", 100, "size of a value")
	flags.DurationVar(&s.warmup, "warmup", time.Second, "before the measured time")
	flags.DurationVar(&s.duration, "duration", 5*time.Second, "the measured time")
	flags.StringVar(&s.json, "json", "", "where the figures go")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if *endpoints == "" || s.clients < 1 || s.keys < 1 || s.valueBytes < 0 {
		return s, errors.New("--endpoints is missing, or a number is out of range")
	}
	s.endpoints = strings.Split(*endpoints, ",")
	return s, nil
}

// Asks each endpoint who leads, until one of them is it.
func findLeader(endpoints []string) (string, error) {
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		for _, endpoint := range endpoints {
			if leads(endpoint) {
				return endpoint, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", errors.New("no endpoint leads")
}

func leads(endpoint string) bool {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	if err != nil {
		return false
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, err := client.Status(ctx, endpoint)
	return err == nil && status.Leader != 0 && status.Leader == status.Header.MemberId
}

// One client: a request, its answer, the next request.
func drive(s settings, leader string, seed int64, from, to time.Time) tally {
	var t tally
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{leader}})
	if err != nil {
		return tally{errors: 1, lastError: err}
	}
	defer client.Close()
	random := rand.New(rand.NewSource(seed))
	value := make([]byte, s.valueBytes)
	for time.Now().Before(to) {
		key := fmt.Sprintf("key:%012d", random.Intn(s.keys))
		for i := range value {
			value[i] = byte('a' + i%26)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		began := time.Now()
		if s.get {
			_, err = client.Get(ctx, key)
		} else {
			_, err = client.Put(ctx, key, string(value))
		}
		ended := time.Now()
		cancel()
		if err != nil {
			t.errors++
			t.lastError = err
			continue
		}
		t.inAll++
		if !began.Before(from) && ended.Before(to) {
			t.latencies = append(t.latencies, ended.Sub(began))
		}
	}
	return t
}

func load(arguments []string) error {
	s, err := parse(arguments)
	if err != nil {
		return err
	}
	leader, err := findLeader(s.endpoints)
	if err != nil {
		return err
	}
	from := time.Now().Add(s.warmup)
	to := from.Add(s.duration)
	tallies := make([]tally, s.clients)
	var all sync.WaitGroup
	for i := range tallies {
		all.Add(1)
		go func() {
			defer all.Done()
			tallies[i] = drive(s, leader, int64(i), from, to)
		}()
	}
	all.Wait()
	return report(s, tallies)
}

// The fields of kv_bench's JSON that the benchmarks read.
func report(s settings, tallies []tally) error {
	var all tally
	for _, t := range tallies {
		all.latencies = append(all.latencies, t.latencies...)
		all.inAll += t.inAll
		all.errors += t.errors
		if t.lastError != nil {
			all.lastError = t.lastError
		}
	}
	if len(all.latencies) == 0 {
		return fmt.Errorf("nothing was answered: %w", all.lastError)
	}
	slices.Sort(all.latencies)
	micros := map[string]float64{}
	for name, share := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1} {
		at := int(share * float64(len(all.latencies)-1))
		micros[name] = float64(all.latencies[at].Nanoseconds()) / 1e3
	}
	text, err := json.Marshal(map[string]any{
		"operations":            len(all.latencies),
		"operations_in_all":     all.inAll,
		"seconds":               s.duration.Seconds(),
		"operations_per_second": float64(len(all.latencies)) / s.duration.Seconds(),
		"errors":                all.errors,
		"latency_us":            micros,
	})
	if err != nil {
		return err
	}
	if s.json == "" {
		fmt.Println(string(text))
		return nil
	}
	return os.WriteFile(s.json, text, 0o644)
}
