/* The schema table of the platform. */
#include "config/base/arena.h"
#include "config/manifest/decode.h"
#include "config/manifest/document_table.h"
#include "config/manifest/platform_read.h"
#include "config/manifest/shapes.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct word data_plane_words[] = {
    {"DataPlane", 0}, {"ClusterDataPlane", 1}, {NULL, 0}};

/* --- regions ---------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct region, member)
static const struct field data_plane_fields[] = {
    {.name = "kind",
     .kind = FIELD_TEXT,
     .offset = AT(data_plane_kind),
     .words = data_plane_words,
     .fallback = "ClusterDataPlane",
     .is_default = true,
     .doc = "kind of the data plane"},
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(data_plane_name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "its name"},
};
static const struct shape data_plane_shape = {
    .name = "dataPlane",
    .doc = "Where a region's workloads run",
    .size = sizeof(struct region),
    .fields = data_plane_fields,
    .field_count = SHAPE_COUNT(data_plane_fields),
};
static const struct field region_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name; a target outside the primary region is <environment>-<region>"},
    {.name = "dataPlane",
     .kind = FIELD_MAPPING,
     .shape = &data_plane_shape,
     .doc = "its data plane; default: the ClusterDataPlane of the region's name"},
};

static void finish_region(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                          uint64_t seen)
{
    struct region *region = object;
    (void)mapping;
    (void)seen;
    if (region->data_plane_name.text == NULL)
        region->data_plane_name = region->name;
    decode_defaults(decoder, &data_plane_shape, region);
}

static const struct shape region_shape = {
    .name = "region",
    .doc = "A region; the first is primary",
    .size = sizeof(struct region),
    .fields = region_fields,
    .field_count = SHAPE_COUNT(region_fields),
    .shorthand = 1,
    .finish = finish_region,
};
#undef AT

/* --- gates ------------------------------------------------------------------------------------ */

static const char days_schema[] =
    "{\"type\": \"array\", \"items\": {\"enum\": [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", "
    "\"sat\", \"sun\"]}}";

#define AT(member) offsetof(struct gate, member)
static const struct field window_fields[] = {
    {.name = "days",
     .kind = FIELD_OTHER,
     .read = platform_read_days,
     .json_schema = days_schema,
     .type_doc = "list of mon, tue, wed, thu, fri, sat, sun",
     .fallback = "[mon, ..., sun]",
     .doc = "days on which it opens"},
    {.name = "from",
     .kind = FIELD_TEXT,
     .form = FORM_CLOCK,
     .read = platform_read_clock,
     .offset = AT(from_minute),
     .required = true,
     .doc = "when it opens"},
    {.name = "to",
     .kind = FIELD_TEXT,
     .form = FORM_CLOCK,
     .read = platform_read_clock,
     .offset = AT(to_minute),
     .required = true,
     .doc = "when it closes; what runs then goes on"},
    {.name = "zone",
     .kind = FIELD_TEXT,
     .offset = AT(zone),
     .form = FORM_ZONE,
     .fallback = "Etc/UTC",
     .is_default = true,
     .doc = "time zone of both"},
};
static const struct shape window_shape = {
    .name = "window",
    .doc = "Times at which something may start",
    .size = sizeof(struct gate),
    .fields = window_fields,
    .fill = true,
    .field_count = SHAPE_COUNT(window_fields),
    .finish = platform_finish_window,
};
static const struct shape manual_shape = {
    .name = "manual",
    .doc = "A person approves (cellctl approve); nothing to set",
    .size = sizeof(struct gate),
};
static const struct field gate_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name of the gate"},
    {.name = "manual", .kind = FIELD_MAPPING, .shape = &manual_shape, .doc = "a person approves"},
    {.name = "workflow",
     .kind = FIELD_MAPPING,
     .offset = AT(workflow),
     .shape = &workflow_shape,
     .doc = "a workflow must succeed; it gets project, environment, revision and digests"},
    {.name = "window",
     .kind = FIELD_MAPPING,
     .shape = &window_shape,
     .doc = "only at certain times"},
    {.name = "timeout",
     .kind = FIELD_DURATION,
     .offset = AT(timeout),
     .min = 60000,
     .max = 86400000,
     .fallback = "30m",
     .is_default = true,
     .doc = "workflow: a run that takes longer has failed"},
};
static const struct shape gate_shape = {
    .name = "gate",
    .doc = "A condition before an environment; one of manual, workflow, window",
    .size = sizeof(struct gate),
    .fields = gate_fields,
    .fill = true,
    .field_count = SHAPE_COUNT(gate_fields),
    .at = AT(at),
    .json_rules = "{\"oneOf\": [{\"required\": [\"manual\"]}, {\"required\": [\"workflow\"]}, "
                  "{\"required\": [\"window\"]}]}",
    .finish = platform_finish_gate,
};
#undef AT

/* --- environments, phases --------------------------------------------------------------------- */

#define AT(member) offsetof(struct environment, member)
static const struct field environment_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name; its target in the primary region bears it too"},
    {.name = "production",
     .kind = FIELD_FLAG,
     .offset = AT(production),
     .fallback = "false",
     .is_default = true,
     .doc = "marks it in OpenChoreo; releases bake 5m by default"},
    {.name = "regions",
     .kind = FIELD_TEXTS,
     .offset = AT(region_names),
     .form = FORM_LABEL,
     .unique = true,
     .min = 1,
     .max = 50,
     .doc = "where it runs; a region after the first waits until the first has baked; default: "
            "the primary region"},
    {.name = "gates",
     .kind = FIELD_LIST,
     .offset = AT(gates),
     .extra = AT(gate_count),
     .shape = &gate_shape,
     .unique = true,
     .min = 0,
     .max = 20,
     .doc = "passed before anything is promoted into it"},
};
static const struct shape environment_shape = {
    .name = "environment",
    .doc = "A stage of promotion",
    .size = sizeof(struct environment),
    .fields = environment_fields,
    .fill = true,
    .field_count = SHAPE_COUNT(environment_fields),
    .at = AT(at),
};
#undef AT

#define AT(member) offsetof(struct phase, member)
static const struct field phase_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name of the phase"},
    {.name = "cells",
     .kind = FIELD_TEXTS,
     .offset = AT(cells),
     .form = FORM_LABEL,
     .required = true,
     .min = 1,
     .max = 10000,
     .doc = "cells that go forward together"},
};
static const struct shape phase_shape = {
    .name = "phase",
    .doc = "Cells that wait for the phase before",
    .size = sizeof(struct phase),
    .fields = phase_fields,
    .field_count = SHAPE_COUNT(phase_fields),
};
#undef AT

/* --- freeze, prune ---------------------------------------------------------------------------- */

#define AT(member) offsetof(struct freeze_window, member)
static const struct field freeze_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name of the freeze"},
    {.name = "from",
     .kind = FIELD_TEXT,
     .form = FORM_TIME,
     .read = platform_read_time,
     .offset = AT(from),
     .required = true,
     .doc = "its beginning: 2026-12-20T00:00:00Z"},
    {.name = "to",
     .kind = FIELD_TEXT,
     .form = FORM_TIME,
     .read = platform_read_time,
     .offset = AT(to),
     .required = true,
     .doc = "its end"},
    {.name = "environments",
     .kind = FIELD_TEXTS,
     .offset = AT(environments),
     .form = FORM_LABEL,
     .unique = true,
     .min = 1,
     .max = 100,
     .doc = "where nothing starts; left out = everywhere"},
};
static const struct shape freeze_shape = {
    .name = "freeze",
    .doc = "A time in which nothing starts; what runs goes on, rollbacks too",
    .size = sizeof(struct freeze_window),
    .fields = freeze_fields,
    .field_count = SHAPE_COUNT(freeze_fields),
    .at = AT(at),
    .finish = platform_finish_freeze,
};
#undef AT

#define AT(member) offsetof(struct prune_budget, member)
static const struct field prune_fields[] = {
    {.name = "budget",
     .kind = FIELD_TEXT,
     .form = FORM_SOME,
     .offset = AT(percent),
     .read = platform_read_percent,
     .fallback = "10%",
     .json_schema = "{\"type\": \"string\", \"pattern\": \"^[0-9]{1,3}%$\"}",
     .type_doc = "percentage, like 10%",
     .doc = "share of celld's objects that one train may remove without approval"},
    {.name = "minimum",
     .kind = FIELD_NUMBER,
     .min = 0,
     .max = 1000,
     .offset = AT(minimum),
     .read = platform_read_minimum,
     .fallback = "3",
     .doc = "so many objects may always go"},
};
static const struct shape prune_shape = {
    .name = "prune",
    .doc = "What may be removed without approval",
    .size = sizeof(struct prune_budget),
    .fields = prune_fields,
    .field_count = SHAPE_COUNT(prune_fields),
};
#undef AT

/* --- platform --------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct platform, member)
static const struct field metadata_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "the platform's name"},
};
static const struct shape metadata_shape = {
    .name = "platform metadata",
    .doc = "The platform's name",
    .size = sizeof(struct platform),
    .fields = metadata_fields,
    .field_count = SHAPE_COUNT(metadata_fields),
};

static const struct field spec_fields[] = {
    {.name = "namespace",
     .kind = FIELD_TEXT,
     .offset = AT(namespace_name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "OpenChoreo namespace that holds everything"},
    {.name = "projectPrefix",
     .kind = FIELD_TEXT,
     .offset = AT(project_prefix),
     .form = FORM_PREFIX,
     .fallback = "",
     .is_default = true,
     .doc = "cell cart becomes the project <prefix>cart"},
    {.name = "pipeline",
     .kind = FIELD_TEXT,
     .offset = AT(pipeline),
     .form = FORM_LABEL,
     .doc = "name of the deployment pipeline; default: the platform's name"},
    {.name = "repositoryUrl",
     .kind = FIELD_TEXT,
     .offset = AT(repository_url),
     .form = FORM_SOME,
     .doc = "shown on projects; default: what celld reads from"},
    {.name = "regions",
     .kind = FIELD_LIST,
     .offset = AT(regions),
     .extra = AT(region_count),
     .shape = &region_shape,
     .unique = true,
     .min = 1,
     .max = 50,
     .fallback = "[default]",
     .doc = "where things run; the first is primary. Default: the ClusterDataPlane \"default\""},
    {.name = "environments",
     .kind = FIELD_LIST,
     .offset = AT(environments),
     .extra = AT(environment_count),
     .shape = &environment_shape,
     .unique = true,
     .required = true,
     .min = 1,
     .max = 100,
     .doc = "in the order of promotion"},
    {.name = "phases",
     .kind = FIELD_LIST,
     .offset = AT(phases),
     .extra = AT(phase_count),
     .shape = &phase_shape,
     .unique = true,
     .required = true,
     .min = 1,
     .max = 100,
     .doc = "in the order of deployment; every cell is in exactly one"},
    {.name = "drift",
     .kind = FIELD_WORD,
     .offset = AT(drift),
     .words = drift_words,
     .fallback = "correct",
     .doc = "what happens to changes from elsewhere; a cell may narrow it"},
    {.name = "prune",
     .kind = FIELD_MAPPING,
     .offset = AT(prune),
     .shape = &prune_shape,
     .doc = "what may be removed without approval"},
    {.name = "freeze",
     .kind = FIELD_LIST,
     .offset = AT(freezes),
     .extra = AT(freeze_count),
     .shape = &freeze_shape,
     .unique = true,
     .min = 0,
     .max = 100,
     .doc = "times in which nothing starts"},
    {.name = "nativePaths",
     .kind = FIELD_TEXTS,
     .offset = AT(native_paths),
     .form = FORM_PATTERN,
     .min = 0,
     .max = 100,
     .doc = "OpenChoreo's own manifests that are desired as they stand"},
};
static const struct shape spec_shape = {
    .name = "platform spec",
    .doc = "What holds for all cells",
    .size = sizeof(struct platform),
    .fields = spec_fields,
    .fill = true,
    .field_count = SHAPE_COUNT(spec_fields),
    .finish = platform_finish_spec,
};

static const struct word kind_words[] = {{"Platform", 0}, {NULL, 0}};

static const struct field platform_fields[] = {
    DOCUMENT_TABLE_FIELDS("Platform", kind_words, &metadata_shape, "the platform's name",
                          &spec_shape, "what holds for all cells"),
};
const struct shape platform_shape = {
    .name = "Platform",
    .doc = "What holds for all cells: regions, environments, phases",
    .size = sizeof(struct platform),
    .fields = platform_fields,
    .field_count = SHAPE_COUNT(platform_fields),
};
#undef AT
