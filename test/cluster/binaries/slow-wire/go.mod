module weft.example/test/cluster/binaries/slow-wire

go 1.24.0
