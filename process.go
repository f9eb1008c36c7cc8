// process.go: what the process needs of the operating system and the runtime: its log, its memory, its limits.
package main

import (
	"io"
	"log/slog"

	"respite/config"
)

// newLogger writes one event a line, in text or JSON.
func newLogger(cfg *config.Config, w io.Writer) *slog.Logger {
	now := cfg.Now()
	options := &slog.HandlerOptions{Level: level(now.LogLevel)}
	if now.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// level is slog's for a loglevel of redis.conf.
func level(name string) slog.Level {
	switch name {
	case "debug":
		return slog.LevelDebug - 1
	case "verbose":
		return slog.LevelDebug
	case "warning":
		return slog.LevelWarn
	case "nothing":
		return slog.LevelError + 1
	}
	return slog.LevelInfo
}
