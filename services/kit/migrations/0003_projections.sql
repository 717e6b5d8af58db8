-- Which version of each aggregate a projection of another service's facts holds. Facts may arrive in any order.
CREATE TABLE projection_versions (
    projection   text NOT NULL,
    aggregate_id uuid NOT NULL,
    sequence     bigint NOT NULL,
    PRIMARY KEY (projection, aggregate_id)
);
