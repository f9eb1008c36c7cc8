package conn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority signs certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool()}
	self := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	c := a.issue(self)
	a.cert, a.key = c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.cert)
	return a
}

// issue makes a certificate, signed by the authority once that has one of its own.
func (a *authority) issue(template *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(a.t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) server() *tls.Config {
	cert := a.issue(&x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: a.pool, MinVersion: tls.VersionTLS12}
}

func (a *authority) user() tls.Certificate {
	return a.issue(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

func (f *fixture) secure(c *tls.Config) {
	f.t.Helper()
	l, err := Listen("127.0.0.1", 0)
	require.NoError(f.t, err)
	f.serve(l, c)
}

func (f *fixture) dialTLS(c *tls.Config) *client {
	f.t.Helper()
	raw, err := net.Dial("tcp", f.addr)
	require.NoError(f.t, err)
	require.NoError(f.t, raw.(*net.TCPConn).SetReadBuffer(narrowBuffer))
	return f.client(tls.Client(raw, c))
}

// Over TLS a pipeline may be larger than all socket buffers, too, and a client that half-closes gets every reply.
func TestTLSPipeline(t *testing.T) {
	a := newAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			f := newFixture(t)
			f.secure(a.server())
			c := f.dialTLS(&tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1", MaxVersion: version})
			body := strings.Repeat("x", 10_000)
			c.do("+OK\r\n", "SET", "k", body)
			c.send(strings.Repeat(request("GET", "k"), 600))
			c.expect(strings.Repeat(bulk(body), 600))
			c.do("+OK\r\n", "SET", "big", strings.Repeat("y", 300_000))
			c.send(strings.Repeat(request("GET", "k"), 600) + request("GET", "big"))
			c.halfClose()
			require.Equal(t, strings.Repeat(bulk(body), 600)+bulk(strings.Repeat("y", 300_000)), c.rest())
		})
	}
}

func TestTLSClientCertificates(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	f := newFixture(t)
	server := a.server()
	server.ClientAuth = tls.RequireAndVerifyClientCert
	f.secure(server)
	tests := []struct {
		name  string
		certs []tls.Certificate
		ok    bool
	}{
		{"ours", []tls.Certificate{a.user()}, true},
		{"none", nil, false},
		{"a stranger's", []tls.Certificate{stranger.user()}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := f.dialTLS(&tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1", Certificates: tt.certs})
			if tt.ok {
				c.do("+PONG\r\n", "PING")
				return
			}
			_, _ = c.Write([]byte(request("PING"))) // TLS 1.3 learns of the refusal with the first read
			_, err := c.in.ReadByte()
			require.ErrorContains(t, err, "tls")
		})
	}
	f.eventually(func() bool { return strings.Contains(f.log.String(), "TLS handshake failed") }, "the log says so")
}

// A quiet TLS connection survives the sweeper's wake-up, also within a record, and ends when it is killed or the server
// stops, also within the handshake.
func TestTLSDeadlines(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	f := newFixture(t)
	f.secure(a.server())
	c := f.dialTLS(&tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"})
	for range 3 {
		c.do("+PONG\r\n", "PING")
		time.Sleep(1200 * time.Millisecond)
		f.only().driver.nudge()
	}
	c.send(strings.Repeat(request("PING"), 5000))
	c.expect(strings.Repeat("+PONG\r\n", 5000))
	f.only().session.Kill()
	c.cut()
	f.eventually(func() bool { return len(f.server.all()) == 0 }, "gone")
	silent, err := net.Dial("tcp", f.addr)
	require.NoError(t, err)
	defer silent.Close()
	f.one()
	start := time.Now()
	require.NoError(t, f.stop(testWait))
	require.Less(t, time.Since(start), handshakeTime/2)
}

func TestTLSMonitor(t *testing.T) {
	a := newAuthority(t)
	f := newFixture(t)
	plain := f.addr
	f.secure(a.server())
	m := f.dialTLS(&tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"})
	m.do("+OK\r\n", "MONITOR")
	f.addr = plain
	c := f.dial()
	for range 200 {
		c.do("+PONG\r\n", "PING")
		require.Contains(t, m.line(), `"PING"`)
	}
}

func TestTLSTurnedAwaySilently(t *testing.T) {
	f := newFixture(t, "--maxclients", "1")
	f.dial().do("+PONG\r\n", "PING")
	f.secure(newAuthority(t).server())
	require.Empty(t, f.dial().rest())
}
