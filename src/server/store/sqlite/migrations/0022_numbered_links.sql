-- The number of a link: see `link` of a contact. Links of before a change stay in the table while their number is known to the home.
-- Until now they were told by the contact's earlier telephone number; those that exist end.
DELETE FROM contact_link WHERE former_phone IS NOT NULL;
ALTER TABLE contact_link DROP COLUMN former_phone;
ALTER TABLE contact_link ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
