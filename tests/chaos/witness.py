"""A witness inside the database: triggers that write down every move of a job, and every row by an attempt that does not hold it."""

from services.registry.db.database import Database

FENCED = ("run_metrics", "run_evaluations", "checkpoints")  # rows of a run and an attempt; `solutions` belong to a job

SQL = (
    "CREATE SCHEMA witness",
    "CREATE TABLE witness.moves (number bigserial, job_id text, before text, after text, attempt int)",
    "CREATE TABLE witness.stale (relation text, subject text, attempt int, at timestamptz DEFAULT clock_timestamp())",
    """CREATE FUNCTION witness.moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO witness.moves (job_id, after, attempt) VALUES (NEW.id, NEW.status, NEW.attempt);
        ELSIF OLD.status <> NEW.status OR OLD.attempt <> NEW.attempt OR OLD.lease_token <> NEW.lease_token THEN
            INSERT INTO witness.moves (job_id, before, after, attempt) VALUES (NEW.id, OLD.status, NEW.status, NEW.attempt);
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE FUNCTION witness.by_run() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM jobs WHERE run_id = NEW.run_id AND kind = 'train' AND status = 'running' AND attempt = NEW.attempt) THEN
            INSERT INTO witness.stale VALUES (TG_TABLE_NAME, NEW.run_id, NEW.attempt);
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE FUNCTION witness.by_job() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM jobs WHERE id = NEW.job_id AND status = 'running') THEN
            INSERT INTO witness.stale VALUES (TG_TABLE_NAME, NEW.job_id, NULL);
        END IF;
        RETURN NULL;
    END $$""",
    "CREATE TRIGGER witness AFTER INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION witness.moved()",
    *(
        f"CREATE TRIGGER witness AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION witness.by_run()"
        for table in FENCED
    ),
    "CREATE TRIGGER witness AFTER INSERT OR UPDATE ON solutions FOR EACH ROW EXECUTE FUNCTION witness.by_job()",
)


def install(database: Database) -> None:
    """Let the database watch itself from now on."""
    with database.transaction() as session:
        for statement in SQL:
            session.connection().exec_driver_sql(statement)
