// yield_unix.s: empty. The compiler takes a function without a body (yield_unix.go) only in a package that has assembly.
