package main

import "math/bits"

// latencies counts microseconds in buckets: exact below 1,024, then 512 to each power of two (0.2 % wide).
type latencies struct {
	counts [32 * 512]int64
	total  int64
}

func bucketOf(us int64) int {
	if us < 1024 {
		return int(us)
	}
	shift := bits.Len64(uint64(us)) - 10
	return (shift+1)*512 + int(us>>shift) - 512
}

func valueOf(bucket int) float64 {
	if bucket < 1024 {
		return float64(bucket)
	}
	shift := bucket/512 - 1
	return float64((int64(bucket%512)+512)<<shift) + float64(int64(1)<<shift)/2
}

func (l *latencies) add(us int64) {
	if us < 0 {
		us = 0
	}
	bucket := bucketOf(us)
	if bucket >= len(l.counts) {
		bucket = len(l.counts) - 1
	}
	l.counts[bucket]++
	l.total++
}

func (l *latencies) merge(other *latencies) {
	for i, n := range other.counts {
		l.counts[i] += n
	}
	l.total += other.total
}

// ms is the quantile in milliseconds; 0 when nothing was counted.
func (l *latencies) ms(quantile float64) float64 {
	rank := int64(quantile * float64(l.total))
	seen := int64(0)
	for bucket, n := range l.counts {
		seen += n
		if seen > rank {
			return valueOf(bucket) / 1000
		}
	}
	return 0
}
