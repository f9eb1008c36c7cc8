// tls.go: the TLS side of the configuration.

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"respite/config"
)

// tlsConfig builds what TLS listeners need; nil if TLS is off.
func tlsConfig(now *config.Snapshot) (*tls.Config, error) {
	if now.TLSPort == 0 {
		return nil, nil
	}
	if now.TLSCertFile == "" || now.TLSKeyFile == "" {
		return nil, errors.New("tls-cert-file and tls-key-file must be configured for tls-port")
	}
	cert, err := keyPair(now)
	if err != nil {
		return nil, err
	}
	roots, err := authorities(now)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: roots, MinVersion: tls.VersionTLS12,
		DynamicRecordSizingDisabled: true, // a record is a write: many small ones cost more than a browser's first paint gains
	}
	if err := setVersions(c, now.TLSProtocols); err != nil {
		return nil, err
	}
	switch now.TLSAuthClients {
	case "yes":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case "optional":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	if c.ClientAuth != tls.NoClientCert && roots == nil {
		return nil, errors.New("either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-auth-clients is on")
	}
	c.SessionTicketsDisabled = !now.TLSSessionCache
	return c, nil
}

// setVersions obeys tls-protocols. Versions below 1.2 are accepted there, as in Redis, but never spoken.
func setVersions(c *tls.Config, protocols string) error {
	if protocols == "" {
		return nil
	}
	c.MinVersion, c.MaxVersion = tls.VersionTLS13, tls.VersionTLS12
	for _, p := range strings.Fields(strings.ToLower(protocols)) {
		switch p {
		case "tlsv1.2":
			c.MinVersion = tls.VersionTLS12
		case "tlsv1.3":
			c.MaxVersion = tls.VersionTLS13
		}
	}
	if c.MinVersion > c.MaxVersion {
		return fmt.Errorf("tls-protocols %q has neither TLSv1.2 nor TLSv1.3", protocols)
	}
	return nil
}

// keyPair reads the server's certificate and key, the key decrypted if it has a pass phrase.
func keyPair(now *config.Snapshot) (tls.Certificate, error) {
	chain, err := os.ReadFile(now.TLSCertFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read tls-cert-file: %w", err)
	}
	key, err := os.ReadFile(now.TLSKeyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read tls-key-file: %w", err)
	}
	if now.TLSKeyFilePass != "" {
		if key, err = decryptKey(key, now.TLSKeyFilePass); err != nil {
			return tls.Certificate{}, fmt.Errorf("decrypt tls-key-file: %w", err)
		}
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("tls-cert-file and tls-key-file: %w", err)
	}
	return cert, nil
}

// decryptKey opens a PEM key of the traditional form (RFC 1423), the one the standard library can.
func decryptKey(key []byte, pass string) ([]byte, error) {
	block, _ := pem.Decode(key)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	//nolint:staticcheck // the form is weak, and what tls-key-file-pass is for
	if !x509.IsEncryptedPEMBlock(block) {
		return key, nil
	}
	//nolint:staticcheck // see above
	der, err := x509.DecryptPEMBlock(block, []byte(pass))
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
}

// authorities reads who may sign clients' certificates; nil if the configuration names nobody.
func authorities(now *config.Snapshot) (*x509.CertPool, error) {
	var files []string
	if now.TLSCACertFile != "" {
		files = append(files, now.TLSCACertFile)
	}
	if now.TLSCACertDir != "" {
		found, err := filepath.Glob(filepath.Join(now.TLSCACertDir, "*"))
		if err != nil {
			return nil, fmt.Errorf("read tls-ca-cert-dir: %w", err)
		}
		for _, name := range found {
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() { // OpenSSL's directories have links, some stale
				files = append(files, name)
			}
		}
	}
	if now.TLSCACertFile == "" && now.TLSCACertDir == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read CA certificates: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) && name == now.TLSCACertFile {
			return nil, fmt.Errorf("tls-ca-cert-file %s has no certificate", name)
		}
	}
	return pool, nil
}
