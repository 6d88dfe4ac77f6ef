import { describeDatabaseRights } from '../../contracts/database-rights.js';

describeDatabaseRights('PostgreSQL 15');
