// A self-signed certificate for 127.0.0.1, made anew for every server, so that
// no key lies in the repository and none can expire there.

package clients

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const certificateLifetime = 24 * time.Hour

// certificate names its PEM files and holds a pool that trusts it.
type certificate struct {
	certFile, keyFile string
	pool              *x509.CertPool
}

func newCertificate(t *testing.T, dir string) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "localhost"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(certificateLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // clients trust it as the root of its own chain
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)

	c := certificate{
		certFile: writePEM(t, filepath.Join(dir, "server.crt"), "CERTIFICATE", der),
		keyFile:  writePEM(t, filepath.Join(dir, "server.key"), "PRIVATE KEY", keyDER),
		pool:     x509.NewCertPool(),
	}
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	c.pool.AddCert(parsed)
	return c
}

func writePEM(t *testing.T, path, kind string, der []byte) string {
	t.Helper()
	const ownerOnly = 0o600
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	require.NoError(t, os.WriteFile(path, block, ownerOnly))
	return path
}
