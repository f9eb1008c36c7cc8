//go:build !linux

package conn

import (
	"errors"

	"respite/command"
)

func newEpoll(int, func(onLong func()) *command.Round) (engine, error) {
	return nil, errors.New("there is no epoll on this system")
}
