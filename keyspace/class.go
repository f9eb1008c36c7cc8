package keyspace

// Size classes of the arena. Blocks come in 8-byte steps up to 128 bytes, where a step is a large share of the block, and in
// steps of about 12.5 % above, each widened until no further block of that class would fit a page. The tables are
// written once, at start, and only read afterwards.

const (
	wordBytes = 8
	// pageWords is the size of an arena page in words; pageBytes in bytes (64 KiB, the most that one call allocates or moves).
	pageWords = 8192
	pageBytes = pageWords * wordBytes
	// fineWords is the largest class of the 8-byte steps.
	fineWords  = 16
	numClasses = 47
)

// classWords holds the block size of each class in words.
var classWords = [numClasses]uint16{
	2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	18, 20, 22, 24, 27, 30, 33, 37, 41, 46, 51, 57, 64, 72, 81, 91, 102, 115, 130, 146, 167, 190,
	215, 248, 282, 327, 372, 431, 512, 585, 682, 819,
}

// maxBlockWords is the largest block; every inline entry fits it (see maxInlineBytes).
const maxBlockWords = 819

// classOf maps a block's exact size in words to the smallest class that holds it.
var classOf = makeClassOf()

func makeClassOf() (table [maxBlockWords + 1]uint8) {
	class := 0
	for words := range table {
		if words > int(classWords[class]) {
			class++
		}
		table[words] = uint8(class)
	}
	return table
}

// classFor returns the class of a block of so many bytes.
func classFor(bytes uint32) uint8 {
	return classOf[(bytes+wordBytes-1)/wordBytes]
}

// classBytes returns what a block of the class occupies.
func classBytes(class uint8) int64 {
	return int64(classWords[class]) * wordBytes
}

// pageBlocks holds how many blocks of each class a page has room for, fillScale what turns a number of blocks in use into a bucket
// of fullness: both spare the hot paths a division.
var pageBlocks, fillScale = makePageBlocks()

func makePageBlocks() (blocks, scale [numClasses]uint32) {
	for class, words := range classWords {
		blocks[class] = pageWords / uint32(words)
		scale[class] = fillBuckets << fillShift / blocks[class]
	}
	return blocks, scale
}
