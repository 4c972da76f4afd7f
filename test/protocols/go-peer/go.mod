module weft.dev/test/protocols/peer

go 1.26.0
