module upkeep/peer

go 1.22
