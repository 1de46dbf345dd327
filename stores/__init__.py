"""What outlives a process: plain blocking code, reached only through calls off the loop."""
