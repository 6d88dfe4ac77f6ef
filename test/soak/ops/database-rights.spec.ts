import { describeDatabaseRights } from '../../contracts/database-rights.js';

describeDatabaseRights('the newest PostgreSQL');
