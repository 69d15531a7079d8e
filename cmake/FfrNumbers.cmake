# cmake -DFILE=... -DNUMBERS=... -P FfrNumbers.cmake: writes a file's bytes as 64-bit numbers for a C++ array, the last one
# filled up with zeros. Eight bytes a number, so that there are few of them to compile. Little-endian, as all of ffr is.
file(READ "${FILE}" bytes HEX)
string(APPEND bytes "00000000000000")
string(REPEAT "([0-9a-f][0-9a-f])" 8 eight_bytes)
string(REGEX REPLACE "${eight_bytes}" "0x\\8\\7\\6\\5\\4\\3\\2\\1,\n" numbers "${bytes}")
string(REGEX REPLACE "\n[0-9a-f]*$" "\n" numbers "${numbers}")
file(WRITE "${NUMBERS}" "${numbers}")
