/* What .choreo/component.yaml says, before it is added to the component. Private to this folder. */
#pragma once

#include "config/manifest/model.h"

struct file_endpoint {
    struct manifest_text name, display_name, base_path;
    struct manifest_number port;
    enum endpoint_type type;
    unsigned visibility; /* of enum visibility */
    bool visibility_set; /* it was written */
    enum visibility single_visibility;
    bool single_visibility_set;
    struct manifest_text schema_path, context;
    struct source_pos at, visibility_at;
};

struct file_variable {
    struct manifest_text name, from;
    struct source_pos at;
};

struct file_reference {
    struct manifest_text name; /* of a connection: as it is called here */
    struct manifest_text written, resource, configuration;
    const struct file_variable *variables;
    size_t variable_count;
    struct source_pos at;
};

/* A variable of `configurations`, or `configuration` as version 1.1 calls it. */
struct file_setting {
    struct manifest_text name, value;
    struct manifest_text connection, key; /* valueFrom.connectionRef */
    bool asked;                           /* valueFrom: a person at Choreo fills it in */
    struct source_pos at;
};

struct file_settings {
    const struct file_setting *items;
    size_t count;
};

struct component_file {
    int version; /* 10, 11, 12 */
    struct source_pos version_at;
    const struct file_endpoint *endpoints;
    size_t endpoint_count;
    const struct file_reference *services, *references;
    size_t service_count, reference_count;
    struct file_settings settings[2]; /* configurations, configuration */
};
