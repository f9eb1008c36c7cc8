// http.go: HTTP on the port of Redis. A connection whose first bytes are the request line of a GET or HEAD is asked nothing else: it gets
// one response and ends. No line of it is ever taken for a command, and a connection that has sent a command is not asked again.

package conn

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// errAnswered ends a connection that was an HTTP request.
var errAnswered = errors.New("HTTP request answered")

// web answers the HTTP request that the connection begins with, if it does. is tells that what is buffered is, or is the beginning of, one; after
// an error, which is errAnswered if all is well, the connection ends.
func (c *conn) web(w *bufio.Writer) (is bool, err error) {
	if cfg := c.server.config.Now(); !cfg.HTTPEndpoints || cfg.HTTPPort != 0 {
		return false, nil
	}
	head, is, err := c.reader.Request()
	if err != nil || head == nil {
		return is, err
	}
	c.driver.yield() // figures are gathered from all shards
	return true, errors.Join(errAnswered, c.respond(head, w))
}

// respond writes the response to the request with this head.
func (c *conn) respond(head []byte, w io.Writer) error {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		r := http.Response{StatusCode: http.StatusBadRequest, ProtoMajor: 1, ProtoMinor: 1, Close: true}
		return errors.Join(fmt.Errorf("read HTTP request: %w", err), r.Write(w))
	}
	req.RemoteAddr, _ = c.Addr()
	r := response{code: http.StatusOK, header: http.Header{}}
	c.server.exec.Web().ServeHTTP(&r, req)
	return r.send(req, w)
}

// response implements http.ResponseWriter: it keeps what a handler says.
type response struct {
	code   int
	header http.Header
	body   bytes.Buffer
}

func (r *response) Header() http.Header         { return r.header }
func (r *response) WriteHeader(code int)        { r.code = code }
func (r *response) Write(b []byte) (int, error) { return r.body.Write(b) }

// send writes the response, and that the connection ends with it.
func (r *response) send(req *http.Request, w io.Writer) error {
	out := http.Response{
		StatusCode: r.code, ProtoMajor: 1, ProtoMinor: 1, Request: req, Header: r.header, Close: true,
		Body: io.NopCloser(&r.body), ContentLength: int64(r.body.Len()),
	}
	return out.Write(w)
}
