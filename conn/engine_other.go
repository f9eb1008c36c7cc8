//go:build !linux

package conn

import "errors"

func newEpoll(int) (engine, error) { return nil, errors.New("there is no epoll on this system") }
