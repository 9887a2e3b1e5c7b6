/* What could not be read, and whom that concerns: nothing is concluded from what is not known.
 * Private to this folder. */
#pragma once

#include "config/manifest/loader.h"

/* The platform's file is not among the files. */
void problem_report_platform(struct loader *loader, const char *path);

/* Adds the fallback's cells that a problem may hide, as broken ones. Before the cells are sorted.
 */
void problem_keep_absent(struct loader *loader);

/* Breaks what is there but lies at a problem. Before the checks. */
void problem_condemn(struct loader *loader);

/* A native manifest is not known: its cell is broken, or the platform. `reason` NULL = no memory.
 */
void problem_break_native(struct loader *loader, const char *path, const char *reason);

/* Why a native manifest of the fallback is not known; NULL = it is, or it is gone. */
const char *problem_of_native(struct loader *loader, const char *path);

/* After the checks: breaks the platform for its native manifests, and tells of the problems. */
void problem_finish(struct loader *loader);
