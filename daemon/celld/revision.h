/* One revision, read whole: its manifests as a checked set, what its commit says, the time zones
 * that its gates name, and the trees that its builds are made from. Blocks on disk: for a worker
 * thread, with nothing shared but what is immutable or counted. */
#pragma once

#include "config/base/error.h"
#include "config/manifest/load.h"
#include "daemon/manifests/manifests.h"
#include "gitwatch/mirror.h"
#include "gitwatch/object_id.h"
#include "reconciler/engine/event.h"

#include <stddef.h>
#include <stdint.h>

#define REVISION_LAST_GOOD_LIMIT 16

struct revision_request {
    const char *mirror;        /* path */
    struct object_id commit;   /* what to read */
    struct object_id previous; /* the revision before it; unset = none */
    struct manifests_patterns patterns;
    uint64_t file_bytes;
    uint32_t tree_entries;
    struct manifest_set *fallback; /* the last good set; NULL = none */
    /* Without a fallback: commits at which a cell that is broken now was last sound, oldest first.
     */
    struct object_id last_good[REVISION_LAST_GOOD_LIMIT];
    size_t last_good_count;
};

struct revision {
    struct object_id commit;
    struct commit_info info;
    struct manifest_set *set;
    struct zone_file *zones;
    size_t zone_count;
    struct source_tree *trees; /* names borrowed from `set` */
    size_t tree_count;
    bool rewritten;
    bool damaged; /* with an error: the mirror is to be cloned anew */
    int result;
    struct error error; /* when result < 0 */
};

/* Always returns a revision (NULL without memory); `result` says whether its set is there. */
struct revision *revision_read(const struct revision_request *request);
struct revision *revision_free(struct revision *revision);
