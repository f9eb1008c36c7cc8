// server.go: commands about the server.
package command

func serverRows() []Row { return nil }
