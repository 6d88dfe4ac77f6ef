import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tenants, their placement, keys and domains. Triggers increment a version at every change and announce it on the
 * channel `tenantry_catalog`, so that every instance receives the changes of any writer, even `psql`.
 */
export class CreateCatalog1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(FUNCTIONS);
    await runner.query(TRIGGERS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE tenant_domains, api_keys, tenants, connection_targets, servers');
    await runner.query(`DROP FUNCTION catalog_notify, catalog_raise_version, catalog_tenant_changed,
      catalog_tenant_part_changed, catalog_target_changed, catalog_server_changed, catalog_truncated`);
  }
}

const TABLES = `
  CREATE TABLE servers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    host text,
    port integer CHECK (port BETWEEN 1 AND 65535),
    tls text NOT NULL DEFAULT 'disable' CHECK (tls IN ('disable', 'require', 'verify-full')),
    owner_role text,
    owner_password_sealed text,
    max_connections integer CHECK (max_connections > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nulls(host, port, owner_role, owner_password_sealed) IN (0, 4)),
    CHECK ((name = 'default') = (host IS NULL))
  );
  INSERT INTO servers (name) VALUES ('default');

  CREATE TABLE connection_targets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    server_id uuid NOT NULL REFERENCES servers,
    kind text NOT NULL CHECK (kind IN ('shared', 'dedicated')),
    database text NOT NULL,
    role text NOT NULL,
    password_sealed text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (server_id, database)
  );
  CREATE UNIQUE INDEX one_shared_target_per_server ON connection_targets (server_id) WHERE kind = 'shared';

  CREATE TABLE tenants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    status text NOT NULL DEFAULT 'provisioning'
      CHECK (status IN ('provisioning', 'active', 'suspended', 'maintenance', 'moving', 'deleting', 'failed')),
    isolation text NOT NULL CHECK (isolation IN ('row', 'schema', 'database')),
    target_id uuid REFERENCES connection_targets,
    schema_name text,
    schema_version text,
    limits jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(limits) = 'object'),
    message text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (status <> 'active' OR num_nulls(target_id, schema_name, schema_version) = 0)
  );
  CREATE INDEX tenants_target ON tenants (target_id);

  CREATE TABLE api_keys (
    id text PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    secret_hash text NOT NULL,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
  );
  CREATE INDEX api_keys_tenant ON api_keys (tenant_id);

  CREATE TABLE tenant_domains (
    domain text PRIMARY KEY CHECK (domain = lower(domain)),
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX tenant_domains_tenant ON tenant_domains (tenant_id);`;

const FUNCTIONS = `
  CREATE FUNCTION catalog_notify(change jsonb) RETURNS void LANGUAGE sql AS
    $$ SELECT pg_notify('tenantry_catalog', change::text) $$;

  -- Versions only rise, whatever the writer sets.
  CREATE FUNCTION catalog_raise_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
  END $$;

  CREATE FUNCTION catalog_tenant_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    PERFORM catalog_notify(jsonb_build_object(
      'tenantId', coalesce(NEW.id, OLD.id),
      'version', coalesce(NEW.version, OLD.version + 1),
      'slugs', (SELECT jsonb_agg(DISTINCT slug) FROM unnest(ARRAY[OLD.slug, NEW.slug]) slug WHERE slug IS NOT NULL)));
    RETURN NULL;
  END $$;

  -- A key or a domain: announced by its own name, and as a change of its tenant (of both, when it moves).
  CREATE FUNCTION catalog_tenant_part_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  DECLARE
    part text := TG_ARGV[0];
    name_column text := TG_ARGV[1];
    names jsonb;
  BEGIN
    SELECT jsonb_agg(DISTINCT name) INTO names
      FROM unnest(ARRAY[to_jsonb(OLD) ->> name_column, to_jsonb(NEW) ->> name_column]) name WHERE name IS NOT NULL;
    PERFORM catalog_notify(jsonb_build_object(part, names));
    UPDATE tenants SET updated_at = now() WHERE id IN (OLD.tenant_id, NEW.tenant_id);
    RETURN NULL;
  END $$;

  CREATE FUNCTION catalog_target_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    PERFORM catalog_notify(jsonb_build_object(
      'targetId', coalesce(NEW.id, OLD.id), 'targetVersion', coalesce(NEW.version, OLD.version + 1)));
    RETURN NULL;
  END $$;

  CREATE FUNCTION catalog_server_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    UPDATE connection_targets SET version = version WHERE server_id = NEW.id;
    RETURN NULL;
  END $$;

  CREATE FUNCTION catalog_truncated() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    PERFORM catalog_notify('{"everything": true}');
    RETURN NULL;
  END $$;`;

const TRIGGERS = `
  CREATE TRIGGER raise_version BEFORE UPDATE ON tenants FOR EACH ROW EXECUTE FUNCTION catalog_raise_version();
  CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON tenants
    FOR EACH ROW EXECUTE FUNCTION catalog_tenant_changed();
  CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION catalog_tenant_part_changed('keyIds', 'id');
  CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON tenant_domains
    FOR EACH ROW EXECUTE FUNCTION catalog_tenant_part_changed('domains', 'domain');
  CREATE TRIGGER raise_version BEFORE UPDATE ON connection_targets FOR EACH ROW EXECUTE FUNCTION catalog_raise_version();
  CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON connection_targets
    FOR EACH ROW EXECUTE FUNCTION catalog_target_changed();
  CREATE TRIGGER announce AFTER UPDATE ON servers FOR EACH ROW EXECUTE FUNCTION catalog_server_changed();
  CREATE TRIGGER announce_truncate AFTER TRUNCATE ON tenants EXECUTE FUNCTION catalog_truncated();
  CREATE TRIGGER announce_truncate AFTER TRUNCATE ON api_keys EXECUTE FUNCTION catalog_truncated();
  CREATE TRIGGER announce_truncate AFTER TRUNCATE ON tenant_domains EXECUTE FUNCTION catalog_truncated();
  CREATE TRIGGER announce_truncate AFTER TRUNCATE ON connection_targets EXECUTE FUNCTION catalog_truncated();`;
