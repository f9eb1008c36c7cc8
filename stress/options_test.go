package stress

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Options)
		want string // of the error; empty: none
	}{
		{"default", func(*Options) {}, ""},
		{"IPv6 loopback", func(o *Options) { o.Addr = "[::1]:6379" }, ""},
		{"localhost", func(o *Options) { o.Addr = "localhost:6379" }, ""},
		{"no port", func(o *Options) { o.Addr = "127.0.0.1" }, "missing port"},
		{"remote", func(o *Options) { o.Addr = "192.0.2.1:6379" }, "is not loopback"},
		{"remote name", func(o *Options) { o.Addr = "db.example:6379" }, "is not loopback"},
		{"any address", func(o *Options) { o.Addr = ":6379" }, "is not loopback"},
		{"remote allowed", func(o *Options) { o.Addr, o.AllowRemote = "192.0.2.1:6379", true }, ""},
		{"empty prefix", func(o *Options) { o.Prefix = "" }, "prefix must not be empty"},
		{"negative count", func(o *Options) { o.Keys = -1 }, "must not be negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := DefaultOptions()
			tt.edit(&o)
			if err := o.validate(); tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

func TestSelectSuites(t *testing.T) {
	tests := []struct {
		list string
		want []string
	}{
		{"order", []string{"order"}},
		{"order, fuzz", []string{"order", "fuzz"}},
		{"all", []string{"integration", "validation", "stability"}},
		{"stability,all", []string{"stability", "integration", "validation"}},
	}
	for _, tt := range tests {
		suites, err := selectSuites(tt.list)
		require.NoError(t, err)
		var names []string
		for _, s := range suites {
			names = append(names, s.Name)
		}
		require.Equal(t, tt.want, names, tt.list)
	}
	for _, list := range []string{"", "nosuch", "order,"} {
		_, err := selectSuites(list)
		require.ErrorContains(t, err, "unknown suite", list)
	}
}

func TestEscapeGlob(t *testing.T) {
	require.Equal(t, `a\*b\?\[c\]\\:`, escapeGlob(`a*b?[c]\:`))
}

func TestTLSFilesThatCannotBeRead(t *testing.T) {
	o := DefaultOptions()
	o.TLS, o.TLSCA = true, "nosuch.pem"
	_, err := o.tlsConfig()
	require.ErrorContains(t, err, "read authority")
	o.TLSCA, o.TLSCert = "", "nosuch.pem"
	_, err = o.tlsConfig()
	require.ErrorContains(t, err, "read client certificate")
}
