package commands

// Begin is begin, for tests of what it costs.
var Begin = (*Executor).begin
