/* CRC-32 (IEEE 802.3), to see damage in single rows. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc` (0 at the start). */
uint32_t crc_add(uint32_t crc, const void *bytes, size_t length);
