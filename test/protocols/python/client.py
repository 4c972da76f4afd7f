"""Clients of Python: client.py NAME PORT. Says each step that held, one a line."""

import sys

name, port = sys.argv[1], sys.argv[2]
base = f"http://127.0.0.1:{port}"
body = b"yarn" * 50_000


def steps(get, post, stream):
    assert get() == b"hello"
    print("GET")
    assert post(body) == body
    print("POST")
    assert stream([b"piece %d\n" % index for index in range(100)]) == b"".join(
        b"piece %d\n" % index for index in range(100)
    )
    print("streamed")
    for _ in range(100):
        assert get() == b"hello"
    print("100 requests")


if name == "requests":
    import requests

    session = requests.Session()

    def stream(pieces):
        response = session.post(f"{base}/echo", data=iter(pieces), stream=True)
        return b"".join(response.iter_content(None))

    steps(
        lambda: session.get(f"{base}/hello").content,
        lambda data: session.post(f"{base}/echo", data=data).content,
        stream,
    )
else:
    import httpx

    isHttp2 = name == "httpx-http2"
    with httpx.Client(http1=not isHttp2, http2=isHttp2, timeout=30) as client:

        def stream(pieces):
            with client.stream("POST", f"{base}/echo", content=iter(pieces)) as response:
                assert response.http_version == ("HTTP/2" if isHttp2 else "HTTP/1.1")
                return b"".join(response.iter_bytes())

        steps(
            lambda: client.get(f"{base}/hello").content,
            lambda data: client.post(f"{base}/echo", content=data).content,
            stream,
        )
