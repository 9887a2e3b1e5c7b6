/* The schema table of `readiness`. */
#include "config/manifest/decode.h"
#include "config/manifest/shapes.h"

#include <stddef.h>

#define AT(member) offsetof(struct readiness, member)

static void read_port(struct decoder *decoder, const struct field *field,
                      const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct readiness *readiness = object;
    struct manifest_number port = {0};
    (void)key;
    if (decode_number(decoder, field, value, &port))
        readiness->port = (uint16_t)port.value;
}

static const struct field http_fields[] = {
    {.name = "path",
     .kind = FIELD_TEXT,
     .offset = AT(path),
     .form = FORM_URL_PATH,
     .fallback = "/",
     .doc = "answers 200 when ready"},
    {.name = "port",
     .kind = FIELD_NUMBER,
     .min = 1,
     .max = 65535,
     .read = read_port,
     .doc = "default: the first endpoint's"},
};
static const struct shape http_shape = {
    .name = "readiness.http",
    .doc = "Ready when a GET is answered",
    .size = sizeof(struct readiness),
    .fields = http_fields,
    .field_count = SHAPE_COUNT(http_fields),
};
static const struct field port_fields[] = {
    {.name = "port",
     .kind = FIELD_NUMBER,
     .min = 1,
     .max = 65535,
     .read = read_port,
     .doc = "default: the first endpoint's"},
};
static const struct shape tcp_shape = {
    .name = "readiness.tcp",
    .doc = "Ready when the port accepts a connection",
    .size = sizeof(struct readiness),
    .fields = port_fields,
    .field_count = SHAPE_COUNT(port_fields),
};
static const struct shape grpc_shape = {
    .name = "readiness.grpc",
    .doc = "Ready when the gRPC health service says so",
    .size = sizeof(struct readiness),
    .fields = port_fields,
    .field_count = SHAPE_COUNT(port_fields),
};

static const struct field readiness_fields[] = {
    {.name = "http", .kind = FIELD_MAPPING, .shape = &http_shape, .doc = "a GET is answered"},
    {.name = "tcp", .kind = FIELD_MAPPING, .shape = &tcp_shape, .doc = "the port is open"},
    {.name = "grpc",
     .kind = FIELD_MAPPING,
     .shape = &grpc_shape,
     .doc = "the gRPC health service says so"},
    {.name = "period",
     .kind = FIELD_DURATION,
     .offset = AT(period),
     .min = 1000,
     .max = 3600000,
     .fallback = "5s",
     .is_default = true,
     .doc = "time between two probes"},
    {.name = "timeout",
     .kind = FIELD_DURATION,
     .offset = AT(timeout),
     .min = 1000,
     .max = 3600000,
     .fallback = "2s",
     .is_default = true,
     .doc = "a probe that takes longer fails"},
    {.name = "initialDelay",
     .kind = FIELD_DURATION,
     .offset = AT(initial_delay),
     .min = 0,
     .max = 3600000,
     .fallback = "0s",
     .is_default = true,
     .doc = "time before the first probe"},
    {.name = "failureThreshold",
     .kind = FIELD_NUMBER,
     .offset = AT(failure_threshold),
     .min = 1,
     .max = 100,
     .fallback = "3",
     .is_default = true,
     .doc = "so many failures in a row make it not ready"},
};

static void finish_readiness(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                             uint64_t seen)
{
    struct readiness *readiness = object;
    (void)mapping;
    const bool http = shape_saw(&readiness_shape, seen, "http");
    const bool tcp = shape_saw(&readiness_shape, seen, "tcp");
    const bool grpc = shape_saw(&readiness_shape, seen, "grpc");
    readiness->kind = http ? PROBE_HTTP : tcp ? PROBE_TCP : grpc ? PROBE_GRPC : PROBE_NONE;
    if (http + tcp + grpc > 1)
        DECODE_ERROR(decoder, "E_READINESS", readiness->at,
                     "readiness has one of http, tcp and grpc, not several");
    const struct manifest_duration *const durations[] = {&readiness->period, &readiness->timeout,
                                                         &readiness->initial_delay};
    for (size_t i = 0; i < SHAPE_COUNT(durations); i++) {
        if (durations[i]->value.ms % 1000 != 0)
            DECODE_ERROR(decoder, "E_READINESS", durations[i]->at, "probes count in whole seconds");
    }
}

const struct shape readiness_shape = {
    .name = "readiness",
    .doc = "When a replica may get traffic",
    .size = sizeof(struct readiness),
    .fields = readiness_fields,
    .field_count = SHAPE_COUNT(readiness_fields),
    .at = AT(at),
    .set = AT(set),
    .finish = finish_readiness,
};
#undef AT
