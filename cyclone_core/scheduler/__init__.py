"""Rules of scheduling (pure) and the engines that keep them."""
