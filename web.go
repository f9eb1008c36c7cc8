// web.go: the port for HTTP alone (http-port). Without one, HTTP is answered on the port of Redis.

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"respite/config"
)

// webTimeout is how long a request may take to come, and its answer to be taken.
const webTimeout = 10 * time.Second

// listenWeb serves http-port, if there is one.
func (s *server) listenWeb(now *config.Snapshot) error {
	if !now.HTTPEndpoints || now.HTTPPort == 0 {
		return nil
	}
	listeners, err := listenAll(now.Bind, now.HTTPPort)
	if err != nil {
		return err
	}
	s.web = &http.Server{
		Handler: s.protect(s.exec.Web()), ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ReadTimeout: webTimeout, WriteTimeout: webTimeout, IdleTimeout: webTimeout,
	}
	for _, l := range listeners {
		s.chore.Go(func() {
			if err := s.web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				s.log.Warn("Serving http-port failed", "error", err)
			}
		})
	}
	return nil
}

// stopWeb closes the port; what is being answered is.
func (s *server) stopWeb(ctx context.Context) {
	if s.web != nil && s.web.Shutdown(ctx) != nil {
		_ = s.web.Close() // took too long
	}
}

// protect refuses other machines in protected mode, as the port of Redis does.
func (s *server) protect(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := s.config.Now()
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); now.ProtectedMode && s.exec.NeedsNoPassword() && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "protected mode: set requirepass, or ask from this machine", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
