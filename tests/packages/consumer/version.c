#include <ffr/ffr.h>

/* Succeeds when the library is the one that the header belongs to. */
int main(void) {
    return ffr_version() != FFR_VERSION;
}
