module weft.example/test/cluster/binaries/pause

go 1.24.0
