package acl

// file.go: the file of users (aclfile): a line for each, as ACL LIST has it. It is read as a whole or not at all, and replaced
// atomically: a crash leaves the old one or the new one.

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// newFileMode is the mode of a file that ACL SAVE makes.
const newFileMode = 0o644

// Load replaces all users by those of a file, and returns the users that are gone. The error tells, in one line, of everything that
// is wrong with the file; nothing has changed then.
func (u *Users) Load(name string) (gone []*User, err error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("Error loading ACLs, opening file '%s': %s", name, sysText(err))
	}
	loaded, complaints := u.parse(name, string(content))
	if complaints != "" {
		return nil, errors.New(complaints + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
	}
	return u.replace(loaded), nil
}

// parse reads the content of a file. The complaints are Redis's, one after another.
func (u *Users) parse(file, content string) (loaded map[string]*Rules, complaints string) {
	loaded = map[string]*Rules{}
	for i, line := range strings.Split(content, "\n") {
		if line = strings.Trim(line, " \t\r\n"); line != "" {
			complaints += u.parseLine(loaded, fmt.Sprintf("%s:%d", file, i+1), i+1, line)
		}
	}
	return loaded, complaints
}

// parseLine reads one user.
func (u *Users) parseLine(loaded map[string]*Rules, place string, number int, line string) (complaint string) {
	words := strings.Split(line, " ")
	switch {
	case words[0] != "user" || len(words) < 2:
		return place + " should start with user keyword followed by the username. "
	case HasSpaces(words[1]):
		return fmt.Sprintf("'%s: username '%s' contains invalid characters. ", place, words[1])
	case loaded[words[1]] != nil:
		return fmt.Sprintf("WARNING: Duplicate user '%s' found on line %d. ", words[1], number)
	}
	e := u.edit(nil)
	complaint = e.line(place, words[2:])
	loaded[words[1]] = e.done()
	return complaint
}

// line applies the rules of a line, all of them: every command that is not known is complained of, and the first other mistake.
func (e *edit) line(place string, args []string) (complaints string) {
	rules, err := joinSelectors(args)
	if err != nil {
		return place + ": Unmatched parenthesis in selector definition."
	}
	wrong := false
	for _, rule := range rules {
		rule = strings.Trim(rule, "\t\r\n")
		switch err := e.apply(rule); {
		case err == nil:
		case errors.Is(err, errUnknown):
			complaints += fmt.Sprintf("%s: Error in applying operation '%s': %s. ", place, rule, err)
		case !wrong:
			complaints += fmt.Sprintf("%s: %s. ", place, err)
			wrong = true
		}
	}
	return complaints
}

// Save writes all users into a file.
func (u *Users) Save(name string) error {
	var content bytes.Buffer
	for _, user := range u.All() {
		content.WriteString(user.Line() + "\n")
	}
	return replaceFile(name, content.Bytes())
}

// replaceFile writes beside the file and renames, and returns when that would outlast a crash of the machine.
func replaceFile(name string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".tmp-")
	if err != nil {
		return fmt.Errorf("open a temporary ACL file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(newFileMode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write a temporary ACL file: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("replace the ACL file: %w", err)
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sysText is the operating system's text for err, as C's strerror prints it.
func sysText(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}
