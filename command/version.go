package command

// RedisVersion is the version of Redis that INFO and HELLO report: clients gate features on it.
const RedisVersion = "7.2.5"

// Version is Respite's own.
const Version = "0.1.0"
