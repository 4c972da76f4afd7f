module weft.dev/conformance

go 1.24
