"""What happens: files, network, cache, states, models; decides nothing."""
